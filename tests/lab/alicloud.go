package lab

// alicloudEnv leads a syncer to the emulated Alibaba Cloud, as its user.
func (l *Lab) alicloudEnv() []string {
	user := l.Clouds.Alicloud().LabUser()
	return []string{
		"ALICLOUD_ENDPOINT=" + l.CloudsURL, "ALICLOUD_STS_ENDPOINT=" + l.CloudsURL,
		"ALICLOUD_ACCESS_KEY_ID=" + user.AccessKeyID, "ALICLOUD_ACCESS_KEY_SECRET=" + user.AccessKeySecret,
	}
}
