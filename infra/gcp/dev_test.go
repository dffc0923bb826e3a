package gcp
import ("testing";"os";"strings")
func TestDev(t *testing.T) {
	c := newCloud(t)
	for _, a := range strings.Split(os.Getenv("DEV"), ",") {
	r := c.deploy(t, append(strings.Fields(a), settings...)...)
	t.Logf("%s: %d\n%s\n%s", a, r.code, r.out, r.err)
	}
	if os.Getenv("TR")!="" { os.WriteFile(os.Getenv("TR"), c.transcript.Bytes(), 0o644) }
}
