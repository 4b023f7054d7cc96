package inbox

import "testing"

// A box that gets more than it holds lets the oldest go; the others keep their numbers.
func TestABoxHoldsTheNewest(t *testing.T) {
	b := &Box{}
	for range Kept + 5 {
		b.keep(Mail{})
	}
	mails := b.Mails()
	if len(mails) != Kept || mails[0].ID != 6 || mails[Kept-1].ID != Kept+5 {
		t.Errorf("%d mails, %d to %d", len(mails), mails[0].ID, mails[len(mails)-1].ID)
	}
}
