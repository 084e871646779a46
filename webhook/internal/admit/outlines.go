package admit

import (
	"bytes"
	"encoding/json"

	admissionv1 "k8s.io/api/admission/v1"
)

// outlinesOf reads what a review's beginning says before it comes to the object: whose it is, and how to answer it. API servers
// write the members of a request in the order of its Go type. What is missing, or is no review, leaves members empty.
func outlinesOf(head []byte) (request admissionv1.AdmissionRequest) {
	decoder := json.NewDecoder(bytes.NewReader(head))
	if !enter(decoder) {
		return request
	}
	for decoder.More() {
		if name, _ := decoder.Token(); name == "request" {
			if enter(decoder) {
				outline(decoder, &request)
			}
			return request
		}
		if skip(decoder) != nil {
			return request
		}
	}
	return request
}

func outline(decoder *json.Decoder, request *admissionv1.AdmissionRequest) {
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return
		}
		switch name {
		case "uid":
			err = decoder.Decode(&request.UID)
		case "kind":
			err = decoder.Decode(&request.Kind)
		case "name":
			err = decoder.Decode(&request.Name)
		case "namespace":
			err = decoder.Decode(&request.Namespace)
		case "operation":
			err = decoder.Decode(&request.Operation)
		case "userInfo":
			err = decoder.Decode(&request.UserInfo)
		case "object", "oldObject":
			return
		default:
			err = skip(decoder)
		}
		if err != nil {
			return
		}
	}
}

// enter reads the brace that opens an object.
func enter(decoder *json.Decoder) bool {
	token, err := decoder.Token()
	return err == nil && token == json.Delim('{')
}

func skip(decoder *json.Decoder) error {
	var value json.RawMessage
	return decoder.Decode(&value)
}
