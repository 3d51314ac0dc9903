"""The windows of `storage/rate_windows.py` in Redis, where all processes count together."""

from collections.abc import Sequence
from uuid import UUID

from redis.exceptions import RedisError

from storage.rate_windows import LONGEST_SECONDS, WINDOW_SECONDS, Limit, Reading, Taken
from storage.redis_link import ANSWER_SECONDS, RedisLink, answer_in_time

# A window is a hash of amounts by the second at which they no longer count, by the server's clock.
# Takes from all windows or from none. KEYS: windows; ARGV: for each its limit, and the amount.
TAKE = f"""
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local readings, fits = {{}}, true
for i, key in ipairs(KEYS) do
  local limit, amount = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local amounts, used = {{}}, 0
  local found = redis.call('HGETALL', key)
  for j = 1, #found, 2 do
    local entry = {{ends = tonumber(found[j]), taken = tonumber(found[j + 1])}}
    if entry.ends > now then
      used = used + entry.taken
      table.insert(amounts, entry)
    else
      redis.call('HDEL', key, found[j])
    end
  end
  table.sort(amounts, function(one, other) return one.ends < other.ends end)
  local wanted, left, fits_at = math.min(amount, limit), used, 0
  for _, entry in ipairs(amounts) do
    if wanted > 0 and left + wanted > limit then
      left = left - entry.taken
      fits_at = entry.ends
    end
  end
  local ends = math.ceil(now + math.min({WINDOW_SECONDS} * math.max(1, amount / limit), {LONGEST_SECONDS}))
  fits = fits and fits_at <= now
  readings[i] = {{used, amounts[1] and amounts[1].ends or 0, fits_at, ends}}
end
if fits then
  for i, key in ipairs(KEYS) do
    local ends, amount = readings[i][4], ARGV[2 * i]
    if tonumber(amount) > 0 then
      redis.call('HINCRBY', key, string.format('%d', ends), amount)
      if redis.call('TTL', key) < ends - now then redis.call('EXPIREAT', key, string.format('%d', ends)) end
    end
  end
end
return {{time[1], time[2], readings}}
"""

# KEYS: a window; ARGV: end and amount of what was taken, end and amount of what takes its place.
REPLACE = """
local now = tonumber(redis.call('TIME')[1])
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  local left = redis.call('HINCRBY', KEYS[1], ARGV[1], '-' .. ARGV[2])
  if left <= 0 then redis.call('HDEL', KEYS[1], ARGV[1]) end
end
if tonumber(ARGV[4]) > 0 and tonumber(ARGV[3]) > now then
  redis.call('HINCRBY', KEYS[1], ARGV[3], ARGV[4])
  if redis.call('TTL', KEYS[1]) < tonumber(ARGV[3]) - now then redis.call('EXPIREAT', KEYS[1], ARGV[3]) end
end
"""


class SharedWindows:
    """No method raises when Redis is away or does not answer in time; nothing may have happened then, or everything."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._take = self._link.client.register_script(TAKE)
        self._replace = self._link.client.register_script(REPLACE)

    async def take(self, tenant_id: UUID, asked: Sequence[tuple[Limit, int]]) -> list[Reading] | None:
        """How each limit was found; if all had room, the amounts have been taken. None when Redis did not answer."""
        if self._link.is_away:
            return None
        keys = [window_key(tenant_id, limit) for limit, _ in asked]
        numbers = [number for limit, amount in asked for number in (limit.amount, amount)]
        try:
            seconds, microseconds, found = await answer_in_time(self._take(keys, numbers), ANSWER_SECONDS)
        except (RedisError, OSError) as error:
            self._link.lost(error)
            return None
        now = int(seconds) + int(microseconds) / 1_000_000
        return [Reading(limit, now, *numbers) for (limit, _), numbers in zip(asked, found, strict=True)]

    async def replace(self, tenant_id: UUID, limit: Limit, old: Taken, new: Taken) -> None:
        if self._link.is_away:
            return
        numbers = [old.end, old.amount, new.end, new.amount]
        try:
            await answer_in_time(self._replace([window_key(tenant_id, limit)], numbers), ANSWER_SECONDS)
        except (RedisError, OSError) as error:
            self._link.lost(error)


def window_key(tenant_id: UUID, limit: Limit) -> str:
    """A limit that is changed begins with an empty window: whoever raises one need not wait for what was used of it."""
    return f"rate:{{{tenant_id}}}:{limit.name}:{limit.amount}"
