package simcomeet

import (
	"net/http"
	"strings"
)

func (s *Server) discovery(document func(*Server) any) action {
	return func(incoming) answer {
		return answer{status: http.StatusOK, body: encode(document(s))}
	}
}

func serviceProviderConfig(s *Server) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	no := map[string]any{"supported": false}
	return map[string]any{
		"schemas":        []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
		"patch":          map[string]any{"supported": !s.faults.NoPatch},
		"bulk":           map[string]any{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
		"filter":         map[string]any{"supported": !s.faults.RefuseFilters, "maxResults": s.maxPage},
		"changePassword": no, "sort": no,
		"etag": map[string]any{"supported": true},
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Access token", "description": "A token for each company",
		}},
	}
}

func listOf(resources ...any) any {
	return map[string]any{
		"schemas": []string{listSchema}, "totalResults": len(resources),
		"startIndex": 1, "itemsPerPage": len(resources), "Resources": resources,
	}
}

func resourceTypes() any {
	return listOf(map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"},
		"id":      "User", "name": "User", "endpoint": "/Users", "schema": userSchema,
		"schemaExtensions": []any{map[string]any{"schema": enterpriseSchema, "required": false}},
	})
}

func schemaList() any { return listOf(userSchemaDocument(), enterpriseSchemaDocument()) }

func (s *Server) schema(r incoming) answer {
	switch id := r.PathValue("id"); {
	case strings.EqualFold(id, userSchema):
		return answer{status: http.StatusOK, body: encode(userSchemaDocument())}
	case strings.EqualFold(id, enterpriseSchema):
		return answer{status: http.StatusOK, body: encode(enterpriseSchemaDocument())}
	default:
		return notFound(id)
	}
}

func describe(name, kind string, required bool, subs ...any) map[string]any {
	a := map[string]any{
		"name": name, "type": kind, "multiValued": false, "required": required, "mutability": "readWrite",
		"returned": "default", "caseExact": false, "uniqueness": "none",
	}
	if len(subs) > 0 {
		a["subAttributes"] = subs
	}
	return a
}

func userSchemaDocument() any {
	userName := describe("userName", "string", true)
	userName["uniqueness"] = "server"
	emails := describe("emails", "complex", false, describe("value", "string", true), describe("type", "string", false), describe("primary", "boolean", false))
	emails["multiValued"] = true
	phones := describe("phoneNumbers", "complex", false, describe("value", "string", true), describe("type", "string", false))
	phones["multiValued"] = true
	return map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": userSchema, "name": "User",
		"attributes": []any{
			userName, describe("name", "complex", true, describe("givenName", "string", true), describe("familyName", "string", true)),
			describe("displayName", "string", false), describe("title", "string", false), describe("locale", "string", false),
			describe("active", "boolean", false), emails, phones,
		},
	}
}

func enterpriseSchemaDocument() any {
	return map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": enterpriseSchema, "name": "EnterpriseUser",
		"attributes": []any{
			describe("department", "string", false), describe("division", "string", false), describe("costCenter", "string", false),
			describe("employeeNumber", "string", false), describe("organization", "string", false),
			describe("manager", "complex", false, describe("value", "string", false)),
		},
	}
}
