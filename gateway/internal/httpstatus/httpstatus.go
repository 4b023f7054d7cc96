// Package httpstatus is the table from the API's errors to HTTP statuses. It knows no generated code, so that the generator of the API's
// description can use it too.
package httpstatus

import (
	"net/http"

	"google.golang.org/grpc/codes"
)

// ClientClosedRequest is what servers log for a caller that hung up; net/http has no name for it.
const ClientClosedRequest = 499

// As google.rpc.Code documents it.
var ofCode = map[codes.Code]int{
	codes.OK:                 http.StatusOK,
	codes.Canceled:           ClientClosedRequest,
	codes.Unknown:            http.StatusInternalServerError,
	codes.InvalidArgument:    http.StatusBadRequest,
	codes.DeadlineExceeded:   http.StatusGatewayTimeout,
	codes.NotFound:           http.StatusNotFound,
	codes.AlreadyExists:      http.StatusConflict,
	codes.PermissionDenied:   http.StatusForbidden,
	codes.ResourceExhausted:  http.StatusTooManyRequests,
	codes.FailedPrecondition: http.StatusBadRequest,
	codes.Aborted:            http.StatusConflict,
	codes.OutOfRange:         http.StatusBadRequest,
	codes.Unimplemented:      http.StatusNotImplemented,
	codes.Internal:           http.StatusInternalServerError,
	codes.Unavailable:        http.StatusServiceUnavailable,
	codes.DataLoss:           http.StatusInternalServerError,
	codes.Unauthenticated:    http.StatusUnauthorized,
}

// Reasons for which HTTP has a better word than the code's.
var ofReason = map[string]int{
	"REQUEST_TOO_LARGE":       http.StatusRequestEntityTooLarge,
	"METADATA_TOO_LARGE":      http.StatusRequestHeaderFieldsTooLarge,
	"HTTP_METHOD_NOT_ALLOWED": http.StatusMethodNotAllowed,
	"MEDIA_TYPE_UNSUPPORTED":  http.StatusUnsupportedMediaType,
	"HOST_UNKNOWN":            http.StatusMisdirectedRequest,
}

// Of is the HTTP status of an error, reason being that of its ErrorInfo or "".
func Of(code codes.Code, reason string) int {
	if status, ok := ofReason[reason]; ok {
		return status
	}
	if status, ok := ofCode[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}
