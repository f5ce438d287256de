-- Takes one from each limit, in order, until one refuses: the generic cell rate algorithm with a burst of `count`.
-- KEYS: one for each limit. ARGV: now, then interval and count of each limit; times are microseconds, as the caller tells them.
-- Answers 0, or the place of the limit that refuses and how long to wait.
local now = tonumber(ARGV[1])
-- What is taken outlives its time by a minute of the server's, so that clocks which differ give nothing back.
local MARGIN = 60000

for place, key in ipairs(KEYS) do
  local interval, count = tonumber(ARGV[2 * place]), tonumber(ARGV[2 * place + 1])
  local whole_at = tonumber(redis.call('GET', key) or '0')
  local wait = whole_at - interval * (count - 1) - now
  if wait > 0 then return { place, wait } end
  whole_at = math.max(whole_at, now) + interval
  redis.call('SET', key, string.format('%.0f', whole_at), 'PX', math.ceil((whole_at - now) / 1000) + MARGIN)
end
return { 0 }
