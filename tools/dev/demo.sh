#!/usr/bin/env bash
# demo.sh --state DIR [--check]
#
# What ./dev run shows, over a system that ./dev up --state DIR started: trains a model on the sample data and puts it into service (unless
# that was done before), imports the sample leads with triage, shows one lead's score, reasons and route, puts templates, journeys and a
# channel to the mailbox into service, has triage qualify one new lead and find another one cold, waits for the first one's welcome mail,
# and prints the lines to repeat it. Everything goes over the public edge, as anybody's program would.
#   --check   then runs each printed line and fails where one fails or answers nothing

# shellcheck source=tools/dev/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tools/dev/process.sh
source "$(dirname "${BASH_SOURCE[0]}")/process.sh"

dir=
check=
written= # the lead that got a mail
while (($#)); do
    case $1 in
    --state) dir=${2:?demo: --state wants a directory} && shift ;;
    --check) check=1 ;;
    *) die "demo: unknown argument $1" ;;
    esac
    shift
done
[[ -f $dir/addresses ]] || die 'demo: nothing runs there; start it with ./dev up --state DIR'
# shellcheck source=/dev/null
source "$dir/addresses"
data=testdata/bank

authorization="authorization: Bearer $(<"$TOKEN")"

rest() { curl -fsS -m 120 -H "$authorization" "$@"; }

# rpc SERVICE/METHOD: requests from standard input.
rpc() { grpcurl -plaintext -max-time 120 -H "$authorization" -d @ "$GRPC" "marketing.v1.$1"; }

# The messages of ImportModel for a file: chunks of 512 KiB, the first with the version's name.
import_messages() {
    python3 - "$1" <<'PY'
import base64, json, sys

with open(sys.argv[1], "rb") as file:
    first = {"model_id": "bank", "promote": True}
    while chunk := file.read(512 * 1024):
        print(json.dumps({**first, "content": base64.b64encode(chunk).decode()}))
        first = {}
PY
}

train() {
    [[ -f $dir/model/model.mkt ]] && return
    say "Training on $(($(wc -l <$data/train.csv) - 1)) rows of bank marketing data (UCI, CC BY 4.0; $data/README.md)"
    "$bin/marketingctl" model train --data $data/train.csv --schema $data/schema.json --out "$dir/model" --name bank --sign-key "$dir/model.key"
}

in_service() { rest "http://$HTTP/v1/models/bank/versions" | jq -e 'any(.model_versions[]?; .state == "STATE_PROMOTED")' >/dev/null; }

promote() {
    import_messages "$dir/model/model.mkt" | rpc ModelService/ImportModel >"$dir/version.json"
    jq -r '"In service: \(.name), out-of-fold AUC \(.metrics.roc_auc // .metrics.rocAuc)"' "$dir/version.json"
}

# Each run is an import of its own; a file that was imported before changes nothing.
import_leads() {
    say 'Importing leads, each with triage'
    rest -X POST --data-binary @$data/leads.csv -H 'content-type: text/csv' "http://$HTTP/v1/leadImports/sample-$(date +%s%N):upload?triage=true" |
        jq -r '"\(.row_count) rows: \(.created_count // 0) new, \(.updated_count // 0) changed, \(.unchanged_count // 0) known, \(.rejected_count // 0) refused"'
}

# A lead to show, the most telling there is: first those that the model is sure of.
pick() {
    local filter
    for filter in 'triage.category = CAMPAIGN_QUALIFIED AND triage.destination != HANDOFF' 'triage.category = CAMPAIGN_QUALIFIED' 'triage.fit_score >= 0'; do
        rest -G "http://$HTTP/v1/leads" --data-urlencode "filter=$filter" --data-urlencode page_size=1000 |
            jq -e -r '.leads[0] | select(. != null) | [.name, .email, .triage.decision] | join(" ")' && return
    done
    die 'demo: no lead was triaged'
}

show() {
    rest "http://$HTTP/v1/$1:explain" | jq -r '
        def percent: . * 1000 | round / 10 | tostring + "%";
        def word: sub("^[A-Z]+_(CATEGORY|TYPE)_|^PRIORITY_"; "") | gsub("_"; " ") | ascii_downcase;
        .decision as $d |
        "  lead        \($d.lead)",
        "  score       \($d.fit.probability | percent) likely to convert (model \($d.fit.model_version))",
        "  engagement  \($d.engagement.score // 0 | percent)",
        "  class       \($d.category | word), priority \($d.priority | word)\(if $d.abstained then ", but the model is unsure: a person decides" else "" end)",
        "  route       to \($d.destination | word), by rule \($d.rule_id) of \($d.routing_policy): \($d.reason)",
        "  because     \([.contributions[:3][] | "\(.field) = \(.value // "missing") (\(if .contribution >= 0 then "+" else "" end)\(.contribution * 100 | round / 100))"] | join(", "))"'
}

# ---- The first hop: a qualified lead is welcomed ----

post() { rest -X POST -H 'content-type: application/json' --data-binary @- "http://$HTTP/v1/$1"; }

# put_in_service COLLECTION: what share/ has of it, as anybody would: stored as a draft, then published.
put_in_service() {
    local file name
    for file in share/"$1"/*.json; do
        name=$1/$(basename "$file" .json)
        rest "http://$HTTP/v1/$name" >/dev/null 2>&1 || post "$1" <"$file" >/dev/null
        post "$name:publish" <<<'{}' >/dev/null
    done
}

# The ports may be others than the last time.
put_channel() {
    rest -X DELETE "http://$HTTP/v1/channels/mailbox" >/dev/null 2>&1 || true
    jq -n --arg host "${SMTP%:*}" --argjson port "${SMTP#*:}" '{channel_id: "mailbox", channel: {medium: "MEDIUM_EMAIL", postal_address: "1 Example Street, Example City",
        smtp: {$host, $port, security: "SECURITY_NONE", from_address: "hello@example.com", from_name: "Example Ltd"}}}' | post channels >/dev/null
}

# Where it is about noon now: at night nothing of the purpose marketing leaves.
noon() { printf 'Etc/GMT%+d' $((10#$(date -u +%H) - 12)); }

# newcomer NAME FILTER: a new lead with the attributes of one that the filter holds for. It consents, and is triaged.
newcomer() {
    local lead
    lead=$(rest -G "http://$HTTP/v1/leads" --data-urlencode "filter=$2" --data-urlencode page_size=1 |
        jq -e --arg name "$1" --arg zone "$(noon)" --arg now "$(date +%s%N)" \
            '{email: "\($name | ascii_downcase)-\($now)@example.com", full_name: $name, time_zone: $zone, attributes: .leads[0].attributes}' |
        post leads | jq -er .name) || die "demo: no lead with $2"
    post "$lead/consent:update" <<<'{"consent": {"purpose": "marketing", "medium": "MEDIUM_EMAIL", "state": "STATE_GRANTED", "source": "./dev run"}}' >/dev/null
    post leads:triage <<<"{\"lead\": {\"name\": \"$lead\"}}" | jq -r '[.decision.lead, .decision.category] | join(" ")'
}

messages_to() { rest -G "http://$HTTP/v1/messages" --data-urlencode "lead=$1" | jq -r '.messages[]? | .state'; }
was_sent() { [[ $(messages_to "$1") == STATE_SENT ]]; }

# Says who got which mail, and fails where the wrong one did, or none.
welcome() {
    local warm cold category
    put_in_service templates
    put_in_service journeys
    put_channel
    read -r warm category < <(newcomer Ada 'triage.category = CAMPAIGN_QUALIFIED')
    echo "  Ada         ${category#LEAD_CATEGORY_}: $warm"
    wait_until 120 was_sent "$warm" || die "demo: the welcome mail of $warm did not leave: $(messages_to "$warm")"
    curl -fsS "http://$MAIL/mails.json" | jq -er 'map(select(.to | startswith("ada-")))[0] | "  her mail    \(.subject) (\(.to))"' || die 'demo: the mailbox has no mail for Ada'
    read -r cold category < <(newcomer Ben 'triage.category = COLD_LEAD')
    echo "  Ben         ${category#LEAD_CATEGORY_}: $cold"
    sleep 2
    [[ -z $(messages_to "$cold") ]] || die "demo: the cold lead $cold is written to"
    echo '  his mail    none: journeys/welcome is for qualified leads'
    echo "  all mails   http://$MAIL/"
    written=$warm
}

# The lines to try: for people, and for --check.
lines() {
    local email=$1 decision=$2 login
    login="-H \"authorization: Bearer \$(cat ${TOKEN#"$root/"})\""
    cat <<LINES
curl -s $login http://$HTTP/v1/leads:triage -H 'content-type: application/json' -d '{"lead": {"email": "$email"}, "explain": true}'
.state/bin/grpcurl -plaintext $login -d '{"lead": {"email": "$email"}, "explain": true}' $GRPC marketing.v1.TriageService/TriageLead
curl -s $login http://$HTTP/v1/$decision:explain
curl -s $login http://$HTTP/v1/$decision:replay
curl -s $login 'http://$HTTP/v1/leads?page_size=3'
curl -s $login http://$HTTP/v1/systemStatus
curl -s $login 'http://$HTTP/v1/messages?lead=$written'
curl -s $login 'http://$HTTP/v1/journeys/welcome/enrollments?page_size=3'
curl -s http://$MAIL/mails.json
.state/bin/grpcurl -plaintext $GRPC describe marketing.v1.TriageService
LINES
}

# Runs each line of standard input; each must succeed, and answer with something that is no error.
try_lines() {
    local line said
    while read -r line; do
        said=$(bash -c "$line" </dev/null) || die "demo: this line fails: $line"
        [[ -n $said && $said != '{"error":'* ]] || die "demo: this line answers an error: $line"$'\n'"$said"
    done
    echo 'Every line works.'
}

if ! in_service; then
    train
    promote
fi
import_leads
read -r _ email decision < <(pick)
say 'One of them'
show "$decision"
say 'Two new leads, and what they get to read'
welcome
say Try
lines "$email" "$decision"
[[ -z $check ]] || lines "$email" "$decision" | try_lines
