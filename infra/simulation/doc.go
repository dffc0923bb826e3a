// Package simulation holds the whole system, everything but the sockets,
// against the rules of the design: months of a company's life, with everything
// that can go wrong going wrong, in seconds, and the same again for the same
// seed.
//
// The real use cases run on real goroutines, in a testing/synctest bubble, over
// simulated ports. Every call of a port waits until the scheduler (scheduler_test.go)
// lets it go; only one is let go at a time, in an order drawn from the seed, and
// its effect happens on the scheduler's own goroutine. So any two workers can
// be interleaved at any two port calls, and a seed always gives the same
// trace. An instance that crashes has no more effect on anything.
//
// The checkers are written from the design: of every operation
// (safety_test.go, deadlines_test.go, guard_test.go), of every release by a
// confirmed preview (confirmed_test.go), of every event and every stored
// configuration (log_test.go, truth_test.go), and of the end of a life
// (settled_test.go). They hold the app's accounts against what the simulated
// company really was like (truth_test.go); of the product's own data they use
// only what it claims as the reason of an operation, which they verify.
// mutation_test.go breaks the product in one way after the other, and shows
// that the checker of the broken rule notices. scenarios_test.go plays the
// edges of the guard and of quarantine by name, and matrix_test.go lives one
// ordinary life again and again, each time with one write at one port that
// fails, stored or not.
//
// A life ends under a scope, time frames and protected people drawn from its
// seed. In its quiet days a few people leave, some without any message, and the
// time by which each of them has lost access follows from what really happened
// (rest_test.go). Who is given access is judged in entitled_test.go, with what a
// removal needs before it: a sweep after a turn-on, and a reading by id.
//
//	go test ./infra/simulation                          a few seeds
//	go test ./infra/simulation -run Seeds -seed 17      one seed, with its trace
//	go test ./infra/simulation -run Seeds -seed 17 -calls   and every call of a port
//	go test ./infra/simulation -run Seeds -seeds 1000   so many seeds
//	go test ./infra/simulation -run Seeds -minutes 60 -timeout 0 -v
//	go test ./infra/simulation -run Mutations -bite -v  every mutation
//	go test ./infra/simulation -run Matrix -v           every write that fails
//
// With AUTOPROVISION_REQUIRE=all it lives 1,000 seeds and runs every mutation.
//
// It never replaces the clients' own tests against faults of HTTP.
package simulation
