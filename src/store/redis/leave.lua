-- KEYS: the check. ARGV: prefix, now, leg, count, per.
local check = read(KEYS[1])
if not check or not on(check, 'leave', tonumber(ARGV[3])) then return { REFUSED } end
local count, per = tonumber(ARGV[4]), tonumber(ARGV[5])
local left = math.max(wait(failures_key(check.owner), count, per), wait(failures_key(check.number), count, per))
if left > 0 then return { SPENT, left } end
return { MADE, write(check) }
