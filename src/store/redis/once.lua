-- KEYS: what is seen. ARGV: prefix, now, until, milliseconds.
local seen = redis.call('GET', KEYS[1])
if seen and tonumber(seen) > now then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
