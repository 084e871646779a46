package images

// Part is a program of the product.
type Part struct {
	Name, Description string
	// Package is where it is built from, and Guide the page about it; both are relative to the checkout.
	Package, Guide string
	// Image reports whether it runs in the cluster, from an image.
	Image bool
	// Desktop reports whether people run it themselves, so that there are archives of it for what they work on.
	Desktop bool
}

// Parts are the programs that a release has: a program that is not here is not released.
func Parts() []Part {
	return []Part{
		{
			Name: "webhook", Description: "Judges every ExternalSecret before it is stored",
			Package: "./webhook/cmd/webhook", Guide: "webhook/README.md", Image: true,
		},
		{
			Name: "kubectl-secretgate", Description: "Checks, explains and refreshes ExternalSecrets, as a plugin of kubectl or on its own",
			Package: "./webhook/cmd/kubectl-secretgate", Guide: "webhook/cli/README.md", Desktop: true,
		},
		{
			Name: "syncer", Description: "Reads the values of ExternalSecrets from secret managers and writes the Secrets",
			Package: "./syncer/cmd/syncer", Guide: "syncer/README.md", Image: true,
		},
	}
}

// Services are the parts that have an image.
func Services() []Part {
	var services []Part
	for _, part := range Parts() {
		if part.Image {
			services = append(services, part)
		}
	}
	return services
}
