-- Of a cluster, where a step touches one slot. Takes a name unless another check has it; the check that was found not to count
-- any more is none. KEYS: the name. ARGV: prefix, now, claim, milliseconds, a claim that does not count or ''.
local held = redis.call('GET', KEYS[1])
local ours = held and string.sub(held, 1, 16) == string.sub(ARGV[3], 1, 16)
if held and not ours and held ~= ARGV[5] and struct.unpack('>I8', held, 33) > now then return held end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return false
