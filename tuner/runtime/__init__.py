"""Inside the application: compiling the advice and inferring at the measured speed."""
