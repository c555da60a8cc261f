// Command crosscheck-client-go drives the Go MCP SDK's enterprise-managed authorization through one flow.
//
// It follows the client contract of the official MCP suite: the MCP server's URL is the last argument, the
// registrations come in MCP_CONFORMANCE_CONTEXT, exit status 0 says that the tool was called. What the SDK tells its
// caller about a refusal goes to the file named by CROSSCHECK_OUTCOME.
//
// Everything on the wire is the SDK's doing. Its handler has to be told the authorization server; where none is
// pinned, the program looks it up in the protected resource metadata with the SDK's own functions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"
)

var flows = []string{"auth/cross-app-access-complete-flow", "auth/enterprise-managed-authorization"}

// registration is what the client was given at its two registrations and at sign-on. The SDK takes neither an IdP
// token endpoint nor a client authentication method, so those members are not read.
type registration struct {
	ClientID        string `json:"client_id"`
	ClientSecret    string `json:"client_secret"`
	IdPClientID     string `json:"idp_client_id"`
	IdPClientSecret string `json:"idp_client_secret"`
	IdPIDToken      string `json:"idp_id_token"`
	IdPIssuer       string `json:"idp_issuer"`
	Issuer          string `json:"issuer"`   // Empty: whichever the MCP server names.
	Resource        string `json:"resource"` // Empty: the MCP server's URL.
	Scope           string `json:"scope"`
}

// outcome is the report for CROSSCHECK_OUTCOME.
type outcome struct {
	Outcome          string                     `json:"outcome"`
	Step             string                     `json:"step,omitempty"`
	Error            string                     `json:"error,omitempty"`
	ErrorDescription string                     `json:"error_description,omitempty"`
	ErrorURI         string                     `json:"error_uri,omitempty"`
	Status           int                        `json:"status,omitempty"`
	Members          map[string]json.RawMessage `json:"members,omitempty"`
	Scope            string                     `json:"scope,omitempty"`
	Message          string                     `json:"message,omitempty"`
}

func main() {
	if err := drive(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, printable(err.Error()))
		os.Exit(1)
	}
}

func drive(ctx context.Context) error {
	if scenario, set := os.LookupEnv("MCP_CONFORMANCE_SCENARIO"); set && !slices.Contains(flows, scenario) {
		return fmt.Errorf("unknown scenario %q", scenario)
	}
	if len(os.Args) < 2 {
		return errors.New("the MCP server's URL is missing")
	}
	client := &authorizer{url: os.Args[len(os.Args)-1]}
	if err := json.Unmarshal([]byte(os.Getenv("MCP_CONFORMANCE_CONTEXT")), &client.given); err != nil {
		return fmt.Errorf("MCP_CONFORMANCE_CONTEXT: %w", err)
	}

	report := outcome{Outcome: "authorized"}
	err := callFirstTool(ctx, client)
	if err != nil {
		report = refused(err).shortened()
		err = errors.New(report.Message)
	} else {
		report.Scope = client.grantedScope(ctx)
	}
	if path := os.Getenv("CROSSCHECK_OUTCOME"); path != "" {
		text, _ := json.Marshal(report) // Strings and JSON that was parsed before: nothing to fail.
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return fmt.Errorf("CROSSCHECK_OUTCOME: %w", err)
		}
	}
	return err
}

func callFirstTool(ctx context.Context, handler *authorizer) error {
	version := os.Getenv("MCP_CONFORMANCE_PROTOCOL_VERSION")
	if version == "" {
		version = "2025-11-25"
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "crosscheck-client-go", Version: "0.1.0"}, nil)
	session, err := client.Connect(ctx,
		&mcp.StreamableClientTransport{Endpoint: handler.url, OAuthHandler: handler},
		&mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		return err
	}
	defer session.Close()

	tools, err := session.ListTools(ctx, nil)
	if err != nil || len(tools.Tools) == 0 {
		return err
	}
	_, err = session.CallTool(ctx, &mcp.CallToolParams{Name: tools.Tools[0].Name, Arguments: map[string]any{}})
	return err
}

// authorizer configures the SDK's enterprise handler when the first challenge arrives, and hands over to it.
type authorizer struct {
	url     string
	given   registration
	handler *extauth.EnterpriseHandler
}

// TokenSource implements [auth.OAuthHandler].
func (a *authorizer) TokenSource(ctx context.Context) (oauth2.TokenSource, error) {
	if a.handler == nil {
		return nil, nil
	}
	return a.handler.TokenSource(ctx)
}

// Authorize implements [auth.OAuthHandler].
func (a *authorizer) Authorize(ctx context.Context, req *http.Request, resp *http.Response) error {
	if a.handler == nil {
		handler, err := a.configure(ctx, resp.Header)
		if err != nil {
			resp.Body.Close()
			return &failure{"discovery", err}
		}
		a.handler = handler
	}
	if err := a.handler.Authorize(ctx, req, resp); err != nil {
		return &failure{stepOf(err), err}
	}
	return nil
}

func (a *authorizer) configure(ctx context.Context, challenge http.Header) (*extauth.EnterpriseHandler, error) {
	issuer, resource := a.given.Issuer, a.given.Resource
	if resource == "" {
		resource = a.url
	}
	if issuer == "" {
		metadata, err := protectedResource(ctx, resource, challenge)
		if err != nil {
			return nil, err
		}
		issuer, resource = metadata.AuthorizationServers[0], metadata.Resource
	}
	return extauth.NewEnterpriseHandler(&extauth.EnterpriseHandlerConfig{
		IdPIssuerURL:     a.given.IdPIssuer,
		IdPCredentials:   credentials(a.given.IdPClientID, a.given.IdPClientSecret),
		MCPAuthServerURL: issuer,
		MCPResourceURI:   resource,
		MCPCredentials:   credentials(a.given.ClientID, a.given.ClientSecret),
		MCPScopes:        strings.Fields(a.given.Scope),
		IDTokenFetcher: func(context.Context) (*oauth2.Token, error) {
			return new(oauth2.Token).WithExtra(map[string]any{"id_token": a.given.IdPIDToken}), nil
		},
	})
}

func (a *authorizer) grantedScope(ctx context.Context) string {
	source, err := a.TokenSource(ctx)
	if err != nil || source == nil {
		return ""
	}
	token, err := source.Token()
	if err != nil {
		return ""
	}
	scope, _ := token.Extra("scope").(string)
	return scope
}

// protectedResource reads the metadata where the challenge says, else at the well-known places, path before root
// (RFC 9728 sections 3.1 and 5.1). It names at least one authorization server.
func protectedResource(ctx context.Context, resource string, challenge http.Header) (*oauthex.ProtectedResourceMetadata, error) {
	places, err := metadataPlaces(resource, challenge)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, place := range places {
		metadata, err := oauthex.GetProtectedResourceMetadata(ctx, place.url, place.resource, nil)
		if err != nil {
			failed = append(failed, err)
		} else if len(metadata.AuthorizationServers) == 0 {
			return nil, errors.New("the protected resource metadata names no authorization server")
		} else {
			return metadata, nil
		}
	}
	return nil, errors.Join(failed...)
}

// place is a URL with the resource that the metadata found there must describe.
type place struct{ url, resource string }

func metadataPlaces(resource string, challenge http.Header) ([]place, error) {
	challenges, err := oauthex.ParseWWWAuthenticate(challenge.Values("WWW-Authenticate"))
	if err != nil {
		return nil, err
	}
	for _, each := range challenges {
		if named := each.Params["resource_metadata"]; named != "" {
			return []place{{named, resource}}, nil
		}
	}
	target, err := url.Parse(resource)
	if err != nil {
		return nil, err
	}
	origin := target.Scheme + "://" + target.Host
	wellKnown := origin + "/.well-known/oauth-protected-resource"
	return []place{{wellKnown + strings.TrimSuffix(target.EscapedPath(), "/"), resource}, {wellKnown, origin}}, nil
}

// credentials are those of a public client when there is no secret.
func credentials(id, secret string) *oauthex.ClientCredentials {
	if secret == "" {
		return &oauthex.ClientCredentials{ClientID: id}
	}
	return &oauthex.ClientCredentials{ClientID: id, ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: secret}}
}

// failure is an authorization that ended at a step.
type failure struct {
	step string
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// stepOf reads the step from the SDK's words; it has no other sign of it.
func stepOf(err error) string {
	switch text := err.Error(); {
	case strings.HasPrefix(text, "token exchange failed"):
		return "token_exchange"
	case strings.HasPrefix(text, "JWT bearer grant failed"):
		return "jwt_bearer"
	default:
		return "discovery"
	}
}

// refused describes the error as far as the SDK lets its caller see it.
func refused(err error) outcome {
	report := outcome{Outcome: "refused", Step: "resource", Message: err.Error()}
	var ended *failure
	if errors.As(err, &ended) {
		report.Step = ended.step
		report.Message = ended.Error()
	}
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return report
	}
	report.Error, report.ErrorDescription, report.ErrorURI = answer.ErrorCode, answer.ErrorDescription, answer.ErrorURI
	report.Status = answer.Response.StatusCode
	if report.Status >= 400 && json.Unmarshal(answer.Body, &report.Members) == nil {
		for _, known := range []string{"error", "error_description", "error_uri"} {
			delete(report.Members, known)
		}
	}
	return report
}

// shortened is the report with texts of at most 16,384 bytes.
func (o outcome) shortened() outcome {
	for _, text := range []*string{&o.Error, &o.ErrorDescription, &o.ErrorURI, &o.Message} {
		*text = (*text)[:min(len(*text), 16384)]
	}
	return o
}

// printable is a text as one line of at most 300 characters, without control characters.
func printable(text string) string {
	line := []rune(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }), " "))
	return string(line[:min(len(line), 300)])
}
