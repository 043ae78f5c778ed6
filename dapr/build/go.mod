module comanda/dapr/build

go 1.26.4

require github.com/bluekeyes/go-gitdiff v0.9.0
