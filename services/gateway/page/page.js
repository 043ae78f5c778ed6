"use strict";

// Renders /openapi.yaml. Swagger UI would otherwise send the document to a validator on the internet.
SwaggerUIBundle({
  url: "/openapi.yaml",
  dom_id: "#api",
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  requestSnippetsEnabled: true,
  tryItOutEnabled: false,
});
