package aws

import (
	"bytes"
	"encoding/json"
	"encoding/xml"

	"github.com/secretgate/secretgate/tests/lab/clouds/aws/api"
)

// reason is a refusal that the door makes, before any service is reached.
type reason int

const (
	notSigned reason = iota
	halfSigned
	unknownKey
	wrongSignature
	expiredToken
	unknownOperation
	throttled
	unavailable
)

// protocol is how one family of AWS services words its answers.
type protocol struct {
	contentType string
	// refusals gives each reason its code and status. A message in it is the default one.
	refusals map[reason]api.Error
	success  func(operation, requestID string, result any) ([]byte, error)
	failure  func(requestID string, e *api.Error) []byte
}

// refuse words a reason; an empty message means the default one.
func (p *protocol) refuse(why reason, message string) *api.Error {
	e := p.refusals[why]
	if message != "" {
		e.Message = message
	}
	return &e
}

const invalidToken = "The security token included in the request is invalid."

// newJSON is AWS JSON 1.1, spoken by Secrets Manager (and SSM, and KMS).
func newJSON() *protocol {
	return &protocol{
		contentType: "application/x-amz-json-1.1",
		refusals: map[reason]api.Error{
			notSigned:        {Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"},
			halfSigned:       {Code: "IncompleteSignatureException"},
			unknownKey:       {Code: "UnrecognizedClientException", Message: invalidToken},
			wrongSignature:   {Code: "InvalidSignatureException"},
			expiredToken:     {Code: "ExpiredTokenException", Message: "The security token included in the request is expired"},
			unknownOperation: {Code: "UnknownOperationException"},
			throttled:        {Code: "ThrottlingException", Message: "Rate exceeded"},
			unavailable:      {Code: "ServiceUnavailable", Message: "Service is unable to handle request.", Status: 503},
		},
		success: func(_, _ string, result any) ([]byte, error) { return json.Marshal(result) },
		failure: func(_ string, e *api.Error) []byte {
			// Two strings always encode.
			b, _ := json.Marshal(struct {
				Type    string `json:"__type"`
				Message string
			}{e.Code, e.Message})
			return b
		},
	}
}

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// newQuery is the AWS query protocol, spoken by STS: a form in, XML out.
func newQuery() *protocol {
	return &protocol{
		contentType: "text/xml",
		refusals: map[reason]api.Error{
			notSigned:        {Code: "MissingAuthenticationToken", Message: "Request is missing Authentication Token", Status: 403},
			halfSigned:       {Code: "IncompleteSignature", Status: 403},
			unknownKey:       {Code: "InvalidClientTokenId", Message: invalidToken, Status: 403},
			wrongSignature:   {Code: "SignatureDoesNotMatch", Status: 403},
			expiredToken:     {Code: "ExpiredToken", Message: "The security token included in the request is expired", Status: 403},
			unknownOperation: {Code: "InvalidAction"},
			throttled:        {Code: "Throttling", Message: "Rate exceeded"},
			unavailable:      {Code: "ServiceUnavailable", Message: "Service is unable to handle request.", Status: 503},
		},
		success: querySuccess,
		failure: queryFailure,
	}
}

func querySuccess(operation, requestID string, result any) ([]byte, error) {
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	response := xml.StartElement{Name: xml.Name{Space: stsNamespace, Local: operation + "Response"}}
	if err := e.EncodeToken(response); err != nil {
		return nil, err
	}
	if err := e.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: operation + "Result"}}); err != nil {
		return nil, err
	}
	metadata := struct {
		XMLName   xml.Name `xml:"ResponseMetadata"`
		RequestID string   `xml:"RequestId"`
	}{RequestID: requestID}
	if err := e.Encode(metadata); err != nil {
		return nil, err
	}
	if err := e.EncodeToken(response.End()); err != nil {
		return nil, err
	}
	err := e.Close() // which writes what is left
	return b.Bytes(), err
}

func queryFailure(requestID string, e *api.Error) []byte {
	type fault struct {
		Type    string
		Code    string
		Message string
	}
	blame := "Sender"
	if e.Status >= 500 {
		blame = "Receiver"
	}
	// Strings always encode.
	b, _ := xml.Marshal(struct {
		XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
		Error     fault
		RequestID string `xml:"RequestId"`
	}{Error: fault{blame, e.Code, e.Message}, RequestID: requestID})
	return b
}
