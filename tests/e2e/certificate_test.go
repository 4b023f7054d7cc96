package e2e

import (
	"testing"
	"time"

	pb "github.com/marketing-agents/marketing/clients/go/marketing/v1"
	"github.com/marketing-agents/marketing/tests/e2e/house"
	"github.com/marketing-agents/marketing/tests/e2e/want"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// shows is a connection that shows a certificate with these names, and no credential.
func (s *story) shows(address string, names ...string) grpc.ClientConnInterface {
	s.Helper()
	config := s.h.Keys.TLS()
	config.Certificates[0] = s.h.Keys.Authority.Issue(time.Hour, names...).TLS()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	want.OK(s, err)
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

// peer makes a service account that the certificate name stands for.
func (s *story) peer(account, certificate string, roles ...string) {
	s.Helper()
	_, err := s.h.Auth().CreateServiceAccount(s.ctx, &pb.CreateServiceAccountRequest{ServiceAccountId: account,
		ServiceAccount: &pb.ServiceAccount{Roles: roles, CertificateName: certificate}})
	want.OK(s, err)
}

// whoAmI is the principal's name, or the reason for which there is none.
func (s *story) whoAmI(conn grpc.ClientConnInterface, more ...string) string {
	s.Helper()
	p, err := pb.NewAuthServiceClient(conn).GetPrincipal(metadata.AppendToOutgoingContext(s.ctx, more...), &pb.GetPrincipalRequest{})
	if err != nil {
		return reasonOf(err)
	}
	return p.Name
}

func TestACertificateCallsAsItsServiceAccount(t *testing.T) {
	tellWith(t, house.Options{TLS: true, Gateway: true}, func(s *story) {
		worker, host := "spiffe://house.test/worker", "worker.house.test"
		s.peer("worker", worker, "roles/viewer")
		s.peer("host", host, "roles/viewer")
		conn := s.shows(s.h.Address, worker)
		want.Equal(s, "by a URI", s.whoAmI(conn), "serviceAccounts/worker")
		want.Equal(s, "by a DNS name", s.whoAmI(s.shows(s.h.Address, "WORKER.house.test")), "serviceAccounts/host")
		want.Equal(s, "URI before DNS name", s.whoAmI(s.shows(s.h.Address, host, worker)), "serviceAccounts/worker")
		want.Equal(s, "of a name of nobody", s.whoAmI(s.shows(s.h.Address, "spiffe://house.test/x")), "CREDENTIAL_MISSING")
		_, err := pb.NewLeadServiceClient(conn).CreateLead(s.ctx, &pb.CreateLeadRequest{Lead: &pb.Lead{Email: "x@example.com"}})
		want.Equal(s, "beyond its roles", reasonOf(err), "PERMISSION_MISSING")
		want.Equal(s, "with a credential", s.whoAmI(conn, "authorization", "Bearer "+s.h.Token), "serviceAccounts/tests")

		token := s.adminSession().AccessToken
		jwks, err := s.h.Auth().GetJwks(s.ctx, &pb.GetJwksRequest{})
		want.OK(s, err)
		all := forged(token, s.h.Token, jwks.Keys[0].X)
		all["the certificate's own name"] = worker
		for what, credential := range all {
			want.Equal(s, what+" with a good certificate", s.whoAmI(conn, "authorization", "Bearer "+credential), "CREDENTIAL_INVALID")
		}
		want.Equal(s, "an empty authorization", s.whoAmI(conn, "authorization", ""), "CREDENTIAL_INVALID")

		_, err = s.h.Auth().UpdateServiceAccount(s.ctx, &pb.UpdateServiceAccountRequest{ServiceAccount: &pb.ServiceAccount{Name: "serviceAccounts/worker", Disabled: true,
			CertificateName: worker}})
		want.OK(s, err)
		want.Equal(s, "of a disabled account, on the open connection", s.whoAmI(conn), "CREDENTIAL_INVALID")
		_, err = s.h.Auth().DeleteServiceAccount(s.ctx, &pb.DeleteServiceAccountRequest{Name: "serviceAccounts/host"})
		want.OK(s, err)
		want.Equal(s, "of a deleted account", s.whoAmI(s.shows(s.h.Address, host)), "CREDENTIAL_MISSING")
	})
}

// Even where somebody maps the gateway's own certificate, and whatever callers say of themselves.
func TestTheGatewayLendsItsCertificateToNobody(t *testing.T) {
	tellWith(t, house.Options{TLS: true, Gateway: true}, func(s *story) {
		s.peer("gateway", house.Name("upstream"), "roles/admin")
		s.peer("caller", house.Name("caller"), "roles/admin")
		want.Equal(s, "the certificate itself", s.whoAmI(s.shows(s.h.Address, house.Name("upstream"))), "serviceAccounts/gateway")
		conn := s.shows(s.h.GatewayGRPC, house.Name("caller"))
		for what, more := range map[string][]string{"nothing": nil, "who called": {"x-forwarded-for", ""}, "many": {"x-forwarded-for", "a", "x-forwarded-for", "b"}} {
			want.Equal(s, "through the gateway, saying "+what, s.whoAmI(conn, more...), "CREDENTIAL_MISSING")
		}
		want.Equal(s, "over REST", s.restAdmission([2]string{"GET", "/v1/principal"}, ""), "CREDENTIAL_MISSING")
		want.Equal(s, "a credential through the gateway", s.whoAmI(conn, "authorization", "Bearer "+s.h.Token), "serviceAccounts/tests")
	})
}
