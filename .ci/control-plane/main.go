// Command control-plane is etcd, kube-apiserver, or the controllers that .ci/kubernetes-cluster needs, as its first argument says. They are one
// program because they share most of their code.
package main

import (
	"fmt"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"

	"tradesim.invalid/control-plane/controllers"
)

func main() {
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = append([]string{name}, os.Args[2:]...)
	}
	switch {
	case name == "etcd":
		etcdmain.Main(os.Args)
	case name == "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case name == "controllers" && len(os.Args) == 2:
		if err := controllers.Run(genericapiserver.SetupSignalContext(), os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, "controllers:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: control-plane etcd FLAG… | kube-apiserver FLAG… | controllers KUBECONFIG")
		os.Exit(2)
	}
}
