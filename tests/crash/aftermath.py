"""Everything that is looked at when whatever went wrong is over."""

import httpx

from tests.crash.ledger import Ledger
from tests.crash.service_process import ServiceProcess, Where
from tests.crash.verification import Verification, check_events, check_store, left_of_tenants


async def look_at_everything(where: Where, ledger: Ledger, service: ServiceProcess, http: httpx.AsyncClient) -> None:
    """What is wrong is in the ledger afterwards, and what was stored is gone. There must be no other clients."""
    verification = Verification(http, ledger)
    unanswered = ledger.unanswered_uploads()
    await verification.everything()
    await verification.gone_on_with()
    await service.tell("sweep")
    await verification.everything(swept=True)
    ledger.wrong += await check_events(where, ledger)
    ledger.wrong += await check_store(where)
    await verification.sent_again(unanswered)
    await verification.all_deleted()
    await service.tell("sweep")
    ledger.wrong += await check_store(where)
    ledger.wrong += await left_of_tenants(where)
