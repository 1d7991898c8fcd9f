// Package controllers runs two of the controllers of kube-controller-manager, as it starts them: of Jobs, and of the account that pods of a
// namespace need. The whole program has 360 packages more, a third of what has to be compiled.
package controllers

import (
	"context"
	"fmt"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	scheduling "k8s.io/client-go/informers/scheduling/v1beta1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/features"
)

// The number of Jobs that are worked on at the same time: the default of kube-controller-manager.
const workers = 5

// Run works until the context is done.
func Run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("%s: %w", kubeconfig, err)
	}
	// those of kube-controller-manager
	config.QPS, config.Burst = 20, 30
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	core := factory.Core().V1()
	var workloads scheduling.WorkloadInformer
	var groups scheduling.PodGroupInformer
	if utilfeature.DefaultFeatureGate.Enabled(features.WorkloadWithJob) {
		workloads, groups = factory.Scheduling().V1beta1().Workloads(), factory.Scheduling().V1beta1().PodGroups()
	}
	jobs, err := job.NewController(ctx, client, core.Pods(), factory.Batch().V1().Jobs(), workloads, groups)
	if err != nil {
		return err
	}
	options := serviceaccount.DefaultServiceAccountsControllerOptions()
	accounts, err := serviceaccount.NewServiceAccountsController(
		klog.FromContext(ctx), core.ServiceAccounts(), core.Namespaces(), client, options)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	go accounts.Run(ctx, 1)
	jobs.Run(ctx, workers)
	return nil
}
