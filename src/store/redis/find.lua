-- KEYS: the name. ARGV: prefix, now.
return holder(KEYS[1], false) or false
