// A stand-in for Pulumi's language host for Node.js, for machines on which upstream's pulumi-language-nodejs can neither
// be found nor downloaded. It is written against Pulumi's published protocol (sdk/v3/proto/go) and starts the entry
// points that the npm package @pulumi/pulumi ships; `pulumi new`, `pulumi convert` and generated SDKs are not served.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

const (
	// maxMessage holds any state that the engine may send, as upstream's limit does.
	maxMessage = 400 << 20
	// patience is how often the host asks whether its engine is still there.
	patience = 5 * time.Second
)

func main() {
	if err := serve(engineAddress(os.Args[1:])); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-nodejs (stand-in):", err)
		os.Exit(1)
	}
}

// engineAddress is the argument that is no flag; the engine names it last.
func engineAddress(args []string) string {
	if len(args) == 0 || args[len(args)-1][0] == '-' {
		return ""
	}
	return args[len(args)-1]
}

// serve answers on a free port of the loopback interface, which it prints first, until the engine is gone.
func serve(engine string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	host := &languageHost{engine: engine}
	pulumirpc.RegisterLanguageRuntimeServer(server, host)
	if engine != "" {
		go func() {
			waitForEnd(engine)
			host.children.terminate()
			server.Stop()
		}()
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return server.Serve(listener)
}

// waitForEnd returns when the engine no longer answers: one that was killed tells nobody.
func waitForEnd(engine string) {
	connection, err := grpc.NewClient(engine, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return
	}
	health := grpc_health_v1.NewHealthClient(connection)
	for {
		time.Sleep(patience)
		_, err := health.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{})
		// An engine that does not know the health protocol is alive all the same.
		if err != nil && status.Code(err) != codes.Unimplemented {
			return
		}
	}
}
