namespace bake {}
