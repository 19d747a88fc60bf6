module wachat-samples

go 1.24
