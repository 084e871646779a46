package rpc

import "testing"

func TestMessagesDoNotQuoteWhatWasSigned(t *testing.T) {
	const planted = "POST&%2F&AccessKeyId%3DLTAI%26SecurityToken%3Dplanted"
	for said, want := range map[string]string{
		"Resource not found.": "Resource not found.",
		"Specified signature is not matched with our calculation. server string to sign is:" + planted:                         "Specified signature is not matched with our calculation.",
		"Specified signature is not matched with our calculation. please check, server StringToSign is [" + planted + "] x\ny": "Specified signature is not matched with our calculation. please check,",
		"String to Sign: " + planted: "",
	} {
		if got := withoutStringToSign(said); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
