// Holds the checksum of the module whose definitions of the Gateway API a cluster gets; version as in ../../manifest.ts.
module ghost-fleet/tools/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.6.3
