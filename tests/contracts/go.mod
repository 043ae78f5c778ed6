module comanda/tests/contracts

go 1.26.4

require github.com/oasdiff/oasdiff v1.37.0
