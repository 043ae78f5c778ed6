# Builds all images of Comanda. docker-compose.yml uses it; to build by hand:
#
#   docker build --target service --build-arg SERVICE=order -t localhost/comanda/order:dev .
#   docker build --target comanda -t localhost/comanda/comanda:dev .
#   docker build --target sidecar -t localhost/comanda/daprd:dev .
#
# Works with BuildKit and with the classic builder. The classic builder builds every stage above the target. The Dapr runtime
# takes minutes, so it comes last and no service waits for it.

# --build-arg chooses another base image or mirror. DAPRD_IMAGE is the base of the sidecar: our daprd (the stage daprd
# below), or unmodified daprd, such as daprio/daprd:1.18.1.
ARG GOLANG_IMAGE=golang:1.26-bookworm
ARG RUN_IMAGE=gcr.io/distroless/static-debian12:nonroot
ARG DAPRD_IMAGE=daprd

# -- The services and the operator's command

FROM ${GOLANG_IMAGE} AS build
# The source of Go's modules. If unset, Go's defaults apply.
ARG GOPROXY
ARG GOSUMDB
ARG GONOSUMDB
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
WORKDIR /src
# A separate layer, so that modules are downloaded again only when go.mod or go.sum changes.
COPY go.mod go.sum ./
RUN go mod download
COPY docs ./docs
COPY services ./services
RUN mkdir /out && go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/ \
      ./services/gateway ./services/auth ./services/user ./services/order ./services/product ./services/comanda
# The mount points of volumes: an empty volume takes the owner of the first folder it is mounted on.
RUN mkdir -p /folders/names && /out/comanda secrets -kept /folders/secrets -run /folders/run folders

# The operator's command: generates secrets, creates topics, runs health checks.
FROM ${RUN_IMAGE} AS comanda
COPY --from=build /out/comanda /comanda
COPY --from=build --chown=65532:65532 /folders /var/lib/comanda
ENTRYPOINT ["/comanda"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="Comanda: the operator's command" org.opencontainers.image.version="${VERSION}"

# One service: --build-arg SERVICE=gateway|auth|user|order|product
FROM ${RUN_IMAGE} AS service
ARG SERVICE
COPY --from=build /out/${SERVICE} /service
ENTRYPOINT ["/service"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="Comanda: ${SERVICE}" org.opencontainers.image.version="${VERSION}"

# -- The sidecar

FROM ${GOLANG_IMAGE} AS build-daprd
ARG GOPROXY
ARG GOSUMDB
ARG GONOSUMDB
ARG DAPRD_IMAGE
ENV CGO_ENABLED=0 GOTOOLCHAIN=local COMANDA_STATE=/tmp/comanda
WORKDIR /src/dapr
COPY dapr/build/go.mod dapr/build/go.sum ./build/
COPY dapr/daprd/go.mod dapr/daprd/go.sum ./daprd/
RUN mkdir /out && if [ "$DAPRD_IMAGE" = daprd ]; then go -C build mod download && go -C daprd mod download; fi
COPY dapr/build ./build
COPY dapr/daprd ./daprd
RUN if [ "$DAPRD_IMAGE" = daprd ]; then go -C build run . -module ../daprd -o /tmp/daprd && mv /tmp/daprd /out/; fi

# With another sidecar image this stage is not needed, but the classic builder builds it anyway.
RUN mkdir -p /folders/names && { test -e /out/daprd || touch /out/daprd; }

# daprd has the same path as in Dapr's own image, so that one command line works for both.
FROM ${RUN_IMAGE} AS daprd
COPY --from=build-daprd /out/daprd /daprd
COPY --from=build-daprd --chown=65532:65532 /folders /var/lib/comanda
ENTRYPOINT ["/daprd"]
ARG VERSION=dev
LABEL org.opencontainers.image.title="Comanda: the Dapr runtime" org.opencontainers.image.version="${VERSION}"

FROM ${DAPRD_IMAGE} AS sidecar
