-- KEYS: the check. ARGV: prefix, now, event (`match` or `refund`), given, sealed or ''.
local check = read(KEYS[1])
if not check or not on(check, ARGV[3], tonumber(ARGV[4])) then return { REFUSED } end
if ARGV[5] ~= '' then check.sealed = ARGV[5] end
-- First, so that a server whose memory is full clears nothing for what it could not write down.
local raw = write(check)
for _, key in ipairs({ failures_key(check.owner), failures_key(check.number) }) do
  if ARGV[3] == 'match' then redis.call('DEL', key) else redis.call('RPOP', key) end
end
return { MADE, raw }
