-- KEYS: the check. ARGV: prefix, now, event, detail, owner or '', judge or '', sealed or ''.
local check = read(KEYS[1])
local event, owner, judge, sealed = ARGV[3], ARGV[5], ARGV[6], ARGV[7]
if not check or (owner ~= '' and owner ~= check.owner) then return { REFUSED } end
if not on(check, event, tonumber(ARGV[4])) then return { REFUSED } end
if judge ~= '' then check.judge = judge end
if sealed ~= '' then check.sealed = sealed end
local raw = write(check)
-- Of a check of which nothing went out nothing is left.
if event == 'not sent' and not check.was_sent then redis.call('DEL', KEYS[1]) end
return { MADE, raw }
