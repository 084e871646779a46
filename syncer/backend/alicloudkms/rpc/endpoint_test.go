package rpc

import "testing"

func TestWhereARegionIs(t *testing.T) {
	for name, test := range map[string]struct {
		configured, own string // the endpoint, and its region where that is set
		region          string
		want            string // empty: it is not known
	}{
		"the one that is set":                      {"kms.eu-central-1.aliyuncs.com", "", "eu-central-1", "https://kms.eu-central-1.aliyuncs.com eu-central-1"},
		"that, where none is asked for":            {"kms.eu-central-1.aliyuncs.com", "", "", "https://kms.eu-central-1.aliyuncs.com eu-central-1"},
		"another than the public one that is set":  {"kms.eu-central-1.aliyuncs.com", "", "cn-hangzhou", "https://kms.cn-hangzhou.aliyuncs.com cn-hangzhou"},
		"any, where none is set":                   {"", "", "cn-hangzhou", "https://kms.cn-hangzhou.aliyuncs.com cn-hangzhou"},
		"any, where only another region is set":    {"", "eu-central-1", "cn-hangzhou", "https://kms.cn-hangzhou.aliyuncs.com cn-hangzhou"},
		"that of a VPC":                            {"kms-vpc.cn-hangzhou.aliyuncs.com", "", "cn-hangzhou", "https://kms-vpc.cn-hangzhou.aliyuncs.com cn-hangzhou"},
		"another than the VPC's":                   {"kms-vpc.cn-hangzhou.aliyuncs.com", "", "eu-central-1", ""},
		"at an endpoint that may have all":         {"http://127.0.0.1:80", "", "cn-hangzhou", "http://127.0.0.1:80 cn-hangzhou"},
		"at one that is known to be of it":         {"http://127.0.0.1:80", "cn-hangzhou", "cn-hangzhou", "http://127.0.0.1:80 cn-hangzhou"},
		"at one that is known to be of another":    {"http://127.0.0.1:80", "cn-hangzhou", "eu-central-1", ""},
		"at one that only ends like a public host": {"kms.eu-central-1.aliyuncs.com.example", "", "cn-hangzhou", "https://kms.eu-central-1.aliyuncs.com.example cn-hangzhou"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Parse("x", test.configured)
			if err != nil {
				t.Fatal(err)
			}
			if test.own != "" {
				e.RegionID = test.own
			}
			got := ""
			if at, ok := e.In(test.region); ok {
				got = at.Scheme + "://" + at.Host + " " + at.RegionID
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
