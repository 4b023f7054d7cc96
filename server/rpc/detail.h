/* detail.h: a failed status as google.rpc.Status, for the trailer grpc-status-details-bin. Knows no gRPC. */
#ifndef SERVER_RPC_DETAIL_H
#define SERVER_RPC_DETAIL_H

#include "base/status.h"

C_BEGIN

/* Bytes: with base64 and the rest of the trailers it stays under the 8 kB that clients take. */
#define DETAIL_MAX 4096

/* ErrorInfo (the reason, domain "marketing.v1", trace_id), BadRequest where fields are at fault (as many as
 * fit), QuotaFailure where a limit is, RetryInfo where there is a hint, RequestInfo (the trace id, which is
 * in the log line). In the arena; empty when that is full. */
struct str detail_pack(struct arena *a, struct status st, const char *trace_id);

C_END
#endif
