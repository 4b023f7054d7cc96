#!/usr/bin/env bash
# Sourced by up: a credential for the one who started the system.

# auth PORT METHOD [OPTION...]: the request from standard input.
auth() { grpcurl -plaintext -max-time 60 -d @ "${@:3}" "127.0.0.1:$1" "marketing.v1.AuthService/$2"; }

bearer() { printf 'authorization: Bearer %s' "$1"; }

token_works() { [[ -s $1/token ]] && auth "$2" GetPrincipal -H "$(bearer "$(<"$1/token")")" <<<'{}' >/dev/null 2>&1; }

# Logs `users/admin` in with the password that the first start left, and makes a key of the service account `dev`, since a session
# would end within the hour.
make_token() {
    local session
    session=$(jq -n --arg p "$(<"$1/admin.password")" '{user: "users/admin", password: $p}' | auth "$2" CreateSession | jq -r .accessToken) &&
        [[ -n $session ]] || return
    auth "$2" CreateServiceAccount -H "$(bearer "$session")" \
        <<<'{"service_account_id": "dev", "service_account": {"display_name": "./dev", "roles": ["roles/admin"]}}' >/dev/null 2>&1 || true
    auth "$2" CreateApiKey -H "$(bearer "$session")" <<<'{"parent": "serviceAccounts/dev"}' | jq -er .secret >"$1/token"
}

# login DIR PORT: leaves a token of the server at PORT in DIR/token, and for the systems that people start in .state/token as well.
login() {
    (
        umask 077
        token_works "$1" "$2" || make_token "$1" "$2" ||
            die "up: no login as users/admin with the password in $1/admin.password; put an API key into $1/token"
        [[ $1 != "${state:?}/up" && $1 != "$state/run" ]] || cp "$1/token" "$state/token"
    )
}
