package house

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// AdminPassword is the password of `users/admin` in every house.
const AdminPassword = "house-admin-password-canary"

// bearer puts the house's credential into every call that has none of its own.
type bearer struct{ h *House }

func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	own, _ := metadata.FromOutgoingContext(ctx)
	if b.h.Token == "" || len(own.Get("authorization")) > 0 {
		return nil, nil
	}
	return map[string]string{"authorization": "Bearer " + b.h.Token}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }

// As makes calls with another credential than the house's.
func As(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// passwordFile is where the server finds the administrator's password at its first start.
func (h *House) passwordFile() string { return filepath.Join(h.Folder, "admin.password") }

func (h *House) writePassword() error {
	return os.WriteFile(h.passwordFile(), []byte(AdminPassword), 0o600)
}

// login gets the house's credential: a key of a service account that may do everything, since sessions end.
func (h *House) login() error {
	if h.Token != "" || slices.Contains(h.Options.Env, "AUTH=off") {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	session, err := h.Auth().CreateSession(ctx, &pb.CreateSessionRequest{User: "users/admin", Password: AdminPassword})
	if err != nil {
		return fmt.Errorf("logging in: %w\n%s", err, tail(h.Log(), 20))
	}
	h.Token, err = h.NewKey(As(ctx, session.AccessToken), "tests", "roles/admin")
	return err
}

// NewKey makes a key of a service account, and the account where there is none, in the workspace of the context's credential.
func (h *House) NewKey(ctx context.Context, account string, roles ...string) (string, error) {
	_, err := h.Auth().CreateServiceAccount(ctx, &pb.CreateServiceAccountRequest{ServiceAccountId: account, ServiceAccount: &pb.ServiceAccount{Roles: roles}})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return "", err
	}
	key, err := h.Auth().CreateApiKey(ctx, &pb.CreateApiKeyRequest{Parent: "serviceAccounts/" + account})
	return key.GetSecret(), err
}
