"""python -m tests.documents: make the schema and the generated parts of the documents anew (`make docs`)."""

from tests.documents.making import main

main()
