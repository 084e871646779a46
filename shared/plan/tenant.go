package plan

// Tenant is on whose behalf a Store is read, where its backend is to know, so that the backend itself can refuse one tenant what is
// another's. It is comparable. Reads on behalf of different Tenants share neither a session nor a value. The zero value is none: equal
// reads of all objects are one.
type Tenant struct {
	Namespace string
	Name      string // of an object; empty: all objects of the namespace
}

// Tenancy is what a backend learns of the object that a read is for.
type Tenancy int

// The tenancies.
const (
	NoTenancy        Tenancy = iota // nothing
	NamespaceTenancy                // its namespace
	ObjectTenancy                   // its namespace and its name
)

// Attribute has the Stores of some backends read on behalf of the plan's object. It is done before policy judges the plan, and once.
func (p *Plan) Attribute(tenancies map[Backend]Tenancy) {
	if len(tenancies) == 0 {
		return
	}
	for i := range p.Entries {
		if p.Entries[i].IsSealed() {
			continue
		}
		s := &p.Entries[i].Source.Store
		s.Tenant = p.tenant(tenancies[s.Backend])
	}
	places := make(map[Store]Places, len(p.Places))
	for s, where := range p.Places {
		s.Tenant = p.tenant(tenancies[s.Backend])
		places[s] = where
	}
	p.Places = places
}

func (p *Plan) tenant(t Tenancy) Tenant {
	switch t {
	case NamespaceTenancy:
		return Tenant{Namespace: p.Object.Namespace}
	case ObjectTenancy:
		return Tenant{Namespace: p.Object.Namespace, Name: p.Object.Name}
	case NoTenancy:
	}
	return Tenant{}
}
