package main

import "testing"

func TestMemoryIsJudgedByMediansOfWindows(t *testing.T) {
	for name, tc := range map[string]struct {
		windows [][]float64
		grows   bool
	}{
		"the same all the time":                   {[][]float64{{100}, {100}, {100}}, false},
		"growth in the first window is the start": {[][]float64{{50}, {100}, {101}, {102}}, false},
		"single peaks do not count":               {[][]float64{{100}, {100, 100, 100}, {100, 500, 100}}, false},
		"a leak":                                  {[][]float64{{100}, {110}, {120}, {130}, {140}}, true},
		"two windows do not tell":                 {[][]float64{{100}, {300}}, false},
		"a window without samples is none":        {[][]float64{{100}, {100}, {}, {100}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var m memory
			for _, window := range tc.windows {
				for _, sample := range window {
					m.add(sample)
				}
				m.closeWindow()
			}
			if err := m.judge(); (err != nil) != tc.grows {
				t.Errorf("judged %v (%s)", err, m)
			}
		})
	}
}
