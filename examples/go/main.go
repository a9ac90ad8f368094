// A page that shows when it was started, and one for each name.
package main

import (
	"embed"
	"html/template"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

//go:embed pages
var pages embed.FS

func main() {
	started := time.Now().UTC().Format(time.RFC1123)
	page := template.Must(template.ParseFS(pages, "pages/index.html"))

	router := chi.NewRouter()
	router.Use(middleware.Logger, middleware.Recoverer)
	show := func(response http.ResponseWriter, request *http.Request) {
		name := chi.URLParam(request, "name")
		if name == "" {
			name = "world"
		}
		if err := page.Execute(response, map[string]string{"Name": name, "Started": started}); err != nil {
			log.Print(err)
		}
	}
	router.Get("/", show)
	router.Get("/{name}", show)

	port := os.Getenv("PORT")
	if port == "" {
		port = "8000"
	}
	log.Print("listening on port ", port)
	log.Fatal(http.ListenAndServe(":"+port, router))
}
