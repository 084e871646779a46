package lab

import "testing"

func TestLabsNeverShareAPort(t *testing.T) {
	var labs [3]ports
	owner := map[int]int{}
	for range blockSize { // more than one block can give
		for i := range labs {
			first, err := labs[i].take(2)
			if err != nil {
				t.Fatal(err)
			}
			for port := first; port < first+2; port++ {
				if other, taken := owner[port]; taken {
					t.Fatalf("labs %d and %d are both given port %d", other, i, port)
				}
				owner[port] = i
			}
		}
	}
	for i := range labs {
		labs[i].release()
	}
}

func TestAPortInUseIsPassedOver(t *testing.T) {
	var p ports
	defer p.release()
	before, err := p.take(1)
	if err != nil {
		t.Fatal(err)
	}
	// Where it cannot be had, another process listens there, which is as good.
	if used, err := listen(before + 1); err == nil {
		defer func() { _ = used.Close() }()
	}
	if got, err := p.take(1); got == before+1 || err != nil {
		t.Errorf("got port %d (%v), which is in use", got, err)
	}
}
