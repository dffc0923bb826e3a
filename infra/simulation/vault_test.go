package simulation

import (
	"context"
	"slices"
	"strconv"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
)

// vault is the secret store as one instance reaches it.
type vault struct{ *instance }

// safe is what the secret store holds: for each name its versions, oldest first.
type safe map[string][]secret

type secret struct {
	version string
	value   secrets.Value
}

// keep makes a change of the secret store: now and then it fails, and may have
// been made all the same.
func keep[T any](ctx context.Context, v vault, key string, change func() (T, error)) (T, error) {
	return answer(ctx, &v.world.scheduler, "secrets: "+key, func(w *worker) (T, error) {
		return fated(v.world.fate(w, "secrets: "+key, v.world.faults.state), errSecrets, change)
	})
}

var errSecrets = fault.New(fault.Unavailable, "secrets: call", "no answer")

func (v vault) Put(ctx context.Context, name string, value secrets.Value) (string, error) {
	return keep(ctx, v, "put "+name, func() (string, error) {
		v.world.secretVersions++
		version := strconv.Itoa(v.world.secretVersions)
		v.world.safe[name] = append(v.world.safe[name], secret{version, value})
		return version, nil
	})
}

func (v vault) Latest(ctx context.Context, name string) (secrets.Value, string, error) {
	s, err := answer(ctx, &v.world.scheduler, "secrets: latest "+name, func(*worker) (secret, error) {
		list := v.world.safe[name]
		if len(list) == 0 {
			return secret{}, fault.New(fault.NotFound, "secrets: latest", "there is none")
		}
		return list[len(list)-1], nil
	})
	return s.value, s.version, err
}

func (v vault) Version(ctx context.Context, name, version string) (secrets.Value, error) {
	s, err := answer(ctx, &v.world.scheduler, "secrets: version "+name, func(*worker) (secret, error) {
		for _, s := range v.world.safe[name] {
			if s.version == version {
				return s, nil
			}
		}
		return secret{}, fault.New(fault.NotFound, "secrets: version", "there is none")
	})
	return s.value, err
}

func (v vault) DestroyBefore(ctx context.Context, name, version string) error {
	_, err := keep(ctx, v, "destroy "+name, func() (none, error) {
		list := v.world.safe[name]
		i := slices.IndexFunc(list, func(s secret) bool { return s.version == version })
		if i < 0 {
			return none{}, fault.New(fault.NotFound, "secrets: destroy", "there is no such version")
		}
		v.world.safe[name] = slices.Clone(list[i:])
		return none{}, nil
	})
	return err
}

func (v vault) Delete(ctx context.Context, name string) error {
	_, err := keep(ctx, v, "delete "+name, func() (none, error) {
		delete(v.world.safe, name)
		return none{}, nil
	})
	return err
}
