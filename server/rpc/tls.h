/* tls.h: TLS with client certificates, whose files may change while it serves. Private.
 *
 * Certificate, key and the clients' authorities are looked at in each handshake. Where they have changed and
 * belong together, this handshake and all after it use them; calls on connections from before go on. Files
 * that cannot be used (half written, a key of another certificate, expired) change nothing: the old ones
 * serve on, and one log line says why. So files may be written one after the other, in any order. */
#ifndef SERVER_RPC_TLS_H
#define SERVER_RPC_TLS_H

#include "base/status.h"

#include <grpc/grpc_security.h>

C_BEGIN

struct tls_files {
    const char *cert, *key, *client_ca; /* paths of PEM files */
};

struct tls;

/* Reads and checks the files, whose names outlive it. Fails with FIELD_INVALID where they cannot be used. */
MUSTCHECK struct status tls_open(const struct tls_files *files, struct arena *a, struct tls **ret);
/* For one port; the caller releases them. */
grpc_server_credentials *tls_credentials(struct tls *t);
/* After the server was destroyed. NULL is allowed. */
void tls_close(struct tls *t);

C_END
#endif
