from django.apps import AppConfig


class ConstraintsConfig(AppConfig):
    name = "tests.project.constraints"
    label = "constraints"
