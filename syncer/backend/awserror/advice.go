package awserror

import (
	"errors"
	"net"
	"regexp"

	"github.com/aws/smithy-go"
)

// host is the form of the hosts of AWS's own services in a region, in each of its partitions.
var host = regexp.MustCompile(`\A(?:secretsmanager|ssm|sts)(?:-fips)?\.[a-z0-9-]+\.amazonaws\.(?:com|com\.cn|eu)\z`)

// Advise says what to do about an error where the error itself tells; empty: what one does about its kind.
func Advise(err error) string {
	if noRegion(err) != "" {
		return "check the region (spec.region, or AWS_REGION for webhook and syncer), and the DNS of the syncer's node"
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	switch code := api.ErrorCode(); {
	case markedForDeletion(api):
		return "restore the secret while its recovery window lasts, or name another"
	case code == "UnrecognizedClientException", code == "InvalidClientTokenId":
		return "check the AWS credentials of the syncer; where this region alone refuses them, enable it for the account, or check spec.region"
	}
	return ""
}

// noRegion is the host of AWS's that does not exist, as the one of a region that does not; empty: it is not that.
func noRegion(err error) string {
	unknown, ok := errors.AsType[*net.DNSError](err)
	if !ok || !unknown.IsNotFound || !host.MatchString(unknown.Name) {
		return ""
	}
	return unknown.Name
}
