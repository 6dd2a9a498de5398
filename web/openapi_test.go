package web

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestOpenAPIIsValid: the description is one that tools can read, examples and patterns included.
func TestOpenAPIIsValid(t *testing.T) {
	h := open(t, nil)
	_, body := h.do(t, "GET", "/api/openapi", "")
	doc, err := openapi3.NewLoader().LoadFromData([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaPatternValidation()); err != nil {
		t.Error(err)
	}
}
