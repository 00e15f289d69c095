"""What is shipped for the cloud: checked as far as it can be without a cloud."""
