from tests.client_contract import ClientContract


class TestClientOnTheFake(ClientContract):
    """The contract on the fake service, with both clients."""
