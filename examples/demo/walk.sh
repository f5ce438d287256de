#!/usr/bin/env bash
# A transfer with its step, in five requests. The demo prints this when it starts; it also runs as it stands.
URL=http://127.0.0.1:8080 JAR=$(mktemp) JSON='Content-Type: application/json'
TRANSFER='{"payee":"Charles Babbage","amount":1200}'
START='{"phone_number":"+37126123456","action":"transfer","binding":"1200 EUR to Charles Babbage"}'

echo '1. A transfer of 1200 EUR is refused: it needs a proof, and the answer says where to start.'
curl -s -b $JAR -c $JAR -H "$JSON" -d "$TRANSFER" -w '\n%{http_code}\n\n' $URL/transfer

echo '2. A check is started: the phone rings.'
CHECK=$(curl -s -b $JAR -c $JAR -H "$JSON" -d "$START" $URL/handset/checks); echo "$CHECK"; echo
ID=$(echo "$CHECK" | sed 's/.*"check_id":"\([^"]*\)".*/\1/')

echo '3. What the handset saw: the last four digits of the caller are the code.'
EVENTS=$(curl -s $URL/handsets/+37126123456/events); echo "$EVENTS"; echo
CODE=$(echo "$EVENTS" | sed 's/.*"from":"[^"]*\([0-9]\{4\}\)".*/\1/')

echo "4. The code $CODE is handed in: here is the proof."
ANSWER=$(curl -s -b $JAR -H "$JSON" -d "{\"code\":\"$CODE\"}" $URL/handset/checks/$ID/code); echo "$ANSWER"; echo
PROOF=$(echo "$ANSWER" | sed 's/.*"proof":"\([^"]*\)".*/\1/')

echo '5. The same transfer with the proof goes through.'
curl -s -b $JAR -H "$JSON" -H "Handset-Proof: $PROOF" -d "$TRANSFER" -w '\n%{http_code}\n' $URL/transfer
