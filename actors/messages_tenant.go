package actors

import (
	"sync/atomic"
	"time"

	"realtime/tenancy"
)

// Messages of the tenants directory and of a Tenant.
type (
	// attach comes from the edge and is answered with the tenant's *address; the row refreshes what the Tenant knows.
	attach struct{ row *tenancy.Tenant }

	// address answers attach.
	address struct {
		post   *post
		counts *counts
		db     *tenantDatabase
		row    *tenancy.Tenant // the newest the directory has seen; nobody else reads it
		gone   bool            // deleted; the directory's too
		used   time.Time       // when somebody attached, or was seen connected; the directory's too
	}

	// row comes from the edge to the directory, and goes on to the Tenant, every Channel and the CDC: a newer row.
	row struct{ t *tenancy.Tenant }

	// rest comes from the sweep: end the tenants that nobody has used for long. busy are those with connections.
	rest struct {
		at   time.Time
		busy map[string]struct{}
	}

	// removed comes from the edge to the directory, and goes on to the Tenant: the tenant was deleted. dismiss: whoever
	// is connected shall not stay.
	removed struct {
		tenant  string
		dismiss bool
	}

	// release comes from the edge to the directory, and goes on to the Tenant and the CDC: let go of the database.
	// dismiss: nor shall anybody stay. final: there is no tenant any more.
	release struct {
		tenant         string
		dismiss, final bool
	}

	// inquire comes from the edge to the directory, and goes on to the Tenant and the CDC, which answers with *Health.
	inquire struct {
		tenant string
		users  int
	}

	// joinTenant comes from a Socket. The Tenant refuses it or passes it to the Channel of its topic.
	joinTenant struct {
		m      *member
		open   int    // topics the connection has, this one included
		socket string // identity of the connection among the counted users
	}

	// lonely comes from a Socket that has no channel any more: it does not count as a user.
	lonely struct{ socket string }

	// publication comes from the edge or the feed of messages: messages for topics, born on the server. The Channel that
	// has the most to do afterwards is put into busiest, so that the feed can wait for it.
	publication struct {
		msgs    []Publication
		busiest *atomic.Pointer[post]
	}

	// look comes from the Tenant's timer: see whether the policies of private channels changed.
	look struct{}

	// looked comes home from the errand of that: the policies' name, or why they could not be seen.
	looked struct {
		name string
		err  error
	}

	// idle comes from a Channel without members; joins is how many joins it was given.
	idle struct {
		room  room
		joins int
	}

	// lost comes from a Channel that crashed: it answers joins with refusals until the Tenant ends it.
	lost struct{ room room }

	// drain comes from above: no more joins.
	drain struct{}

	// refusal answers attach when the tenant's actor could not be started.
	refusal struct{}
)
