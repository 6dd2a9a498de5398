package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"realtime/protocol"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// managed are the routes of the management API. Its tenants are named by external_id.
func (s *Server) managed() []route {
	return []route{
		{"GET /api/tenants", s.api(s.listTenants)},
		{"POST /api/tenants", s.api(s.createTenant)},
		{"GET /api/tenants/{tenant_id}", s.api(s.showTenant)},
		{"PUT /api/tenants/{tenant_id}", s.api(s.putTenant)},
		{"PATCH /api/tenants/{tenant_id}", s.api(s.putTenant)},
		{"DELETE /api/tenants/{tenant_id}", s.api(s.deleteTenant)},
		{"POST /api/tenants/{tenant_id}/reload", s.api(s.reloadTenant)},
		{"POST /api/tenants/{tenant_id}/shutdown", s.api(s.shutdownTenant)},
		{"GET /api/tenants/{tenant_id}/health", s.api(s.tenantHealth)},
	}
}

// data answers {"data": v}.
func (s *Server) data(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(map[string]any{"data": v})
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	answer(w, status, b)
}

// storeFailed answers what went wrong with the rows.
func (s *Server) storeFailed(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Error("tenant rows failed", "code", string(codes.UnknownErrorOnController), "err", err)
	s.statusError(w, r, http.StatusInternalServerError)
}

func (s *Server) listTenants(w http.ResponseWriter, r *http.Request) {
	list, err := s.o.Store.List(r.Context())
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	if list == nil {
		list = []*tenancy.Tenant{}
	}
	s.data(w, r, http.StatusOK, list)
}

// known is the tenant of the address. It answers 404 if there is none.
func (s *Server) known(w http.ResponseWriter, r *http.Request) (*tenancy.Tenant, bool) {
	t, err := s.current(r, r.PathValue("tenant_id"))
	switch {
	case err != nil:
		s.storeFailed(w, r, err)
	case t == nil:
		code := codes.TenantNotFound
		s.log.Log(r.Context(), code.Entry().Level, "tenant not found", "code", string(code), "tenant", r.PathValue("tenant_id"))
		message(w, http.StatusNotFound, "not found")
	default:
		return t, true
	}
	return nil, false
}

// current is the row of a tenant as the database has it now, nil if there is none.
func (s *Server) current(r *http.Request, id string) (*tenancy.Tenant, error) {
	t, err := s.o.Store.Get(r.Context(), id)
	if err != nil && codes.Of(err).Code == codes.TenantNotFound {
		return nil, nil
	}
	return t, err
}

func (s *Server) showTenant(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.known(w, r); ok {
		s.data(w, r, http.StatusOK, t)
	}
}

// tenantBody is the value of "tenant" in the body. It answers 400 if there is none.
func (s *Server) tenantBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, ok := s.body(w, r)
	if !ok {
		return nil, false
	}
	tenant := field(body, "tenant")
	if !protocol.Valid(body) || tenant == nil || tenant[0] != '{' {
		s.statusError(w, r, http.StatusBadRequest)
		return nil, false
	}
	return tenant, true
}

// createTenant checks the body and goes on as if it had been put to the address that it names.
func (s *Server) createTenant(w http.ResponseWriter, r *http.Request) {
	body, ok := s.tenantBody(w, r)
	if !ok {
		return
	}
	var current *tenancy.Tenant
	if id, ok := protocol.StringValue(field(body, "external_id")); ok {
		var err error
		if current, err = s.current(r, id); err != nil {
			s.storeFailed(w, r, err)
			return
		}
	}
	c, err := tenancy.ParseChange(body, tenancy.ChangeOptions{Current: current, Defaults: s.o.Store.Defaults()})
	if err != nil {
		s.invalidTenant(w, r, err)
		return
	}
	s.upsert(w, r, c.ExternalID(), body)
}

func (s *Server) putTenant(w http.ResponseWriter, r *http.Request) {
	if body, ok := s.tenantBody(w, r); ok {
		s.upsert(w, r, r.PathValue("tenant_id"), body)
	}
}

// upsert makes or changes a tenant, tells everybody whom it concerns, and makes a new one's database ready.
func (s *Server) upsert(w http.ResponseWriter, r *http.Request, id string, body []byte) {
	current, err := s.current(r, id)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	c, err := tenancy.ParseChange(body, tenancy.ChangeOptions{Current: current, ExternalID: id, Defaults: s.o.Store.Defaults()})
	if err != nil {
		s.invalidTenant(w, r, err)
		return
	}
	t, created, err := s.o.Store.Upsert(r.Context(), c)
	if err != nil {
		s.invalidTenant(w, r, err)
		return
	}
	s.o.Resolver.Cache.Invalidate(id)
	s.o.System.Changed(t)
	w.Header().Set("Location", "/api/tenants/"+url.PathEscape(id))
	if !created {
		s.log.Info("tenant changed", "tenant", id, "columns", c.Columns())
		s.data(w, r, http.StatusOK, t)
		return
	}
	s.log.Info("tenant created", "tenant", id)
	if len(t.Extensions) > 0 {
		if err := s.prepare(r.Context(), t); err != nil {
			s.unprepared(w, r, t, err)
			return
		}
	}
	s.data(w, r, http.StatusCreated, t)
}

// unprepared says that the row of a new tenant is written but its database is not ready. Upstream says 401 then.
func (s *Server) unprepared(w http.ResponseWriter, r *http.Request, t *tenancy.Tenant, err error) {
	code := codes.Of(err).Code
	if code == codes.UnknownError {
		code = codes.UnableToConnectToProject
	}
	s.waiting.add(t.ExternalID)
	s.log.Log(r.Context(), code.Entry().Level, "tenant's database not ready", "code", string(code), "tenant", t.ExternalID, "err", err)
	message(w, http.StatusUnprocessableEntity, "The tenant is stored, but its database is not ready: "+err.Error())
}

// invalidTenant answers what is wrong with a write.
func (s *Server) invalidTenant(w http.ResponseWriter, r *http.Request, err error) {
	problems, ok := errors.AsType[tenancy.Invalid](err)
	switch {
	case errors.Is(err, tenancy.ErrNotObject):
		s.statusError(w, r, http.StatusBadRequest)
		return
	case !ok:
		s.storeFailed(w, r, err)
		return
	}
	b, jerr := json.Marshal(map[string]any{"errors": problems})
	if jerr != nil {
		s.storeFailed(w, r, jerr)
		return
	}
	code := codes.UnprocessableEntity
	s.log.Log(r.Context(), code.Entry().Level, "tenant refused", "code", string(code), "err", err)
	answer(w, http.StatusUnprocessableEntity, b)
}

// deleteTenant removes the row, has everybody told, and clears what was left in the tenant's database. What is in its schema
// stays.
func (s *Server) deleteTenant(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("tenant_id")
	t, err := s.current(r, id)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	existed, err := s.o.Store.Delete(r.Context(), id)
	if err != nil {
		s.storeFailed(w, r, err)
		return
	}
	s.o.Resolver.Cache.Invalidate(id)
	s.o.System.Removed(id)
	s.waiting.remove(id)
	if existed {
		s.log.Info("tenant deleted", "tenant", id)
	}
	if t != nil && len(t.Extensions) > 0 {
		if err := s.o.System.DropSlots(r.Context(), t); err != nil {
			code := codes.UnableToDeleteTenant
			s.log.Log(r.Context(), code.Entry().Level, "slots not dropped", "code", string(code), "tenant", id, "err", err)
			message(w, http.StatusInternalServerError, "The tenant is deleted, but replication slots may be left in its database: "+err.Error())
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) reloadTenant(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.known(w, r); ok {
		s.o.Resolver.Cache.Invalidate(t.ExternalID)
		s.o.System.Reload(t.ExternalID)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) shutdownTenant(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.known(w, r); ok {
		s.o.System.Release(t.ExternalID)
		w.WriteHeader(http.StatusNoContent)
	}
}
