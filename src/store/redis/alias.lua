-- KEYS: the name. ARGV: prefix, now, claim, milliseconds.
local held = holder(KEYS[1], false)
if held then return string.sub(held, 1, 16) == string.sub(ARGV[3], 1, 16) and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
