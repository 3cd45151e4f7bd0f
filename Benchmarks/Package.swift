// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flowir-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "flowir", path: "..")],
  targets: [
    .executableTarget(
      name: "Bench",
      dependencies: [
        .product(name: "Flows", package: "flowir"), .product(name: "FlowIR", package: "flowir"),
      ])
  ]
)
