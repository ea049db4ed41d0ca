"""Addresses of the pages about people."""

from django.urls import path

from ringfence.web.people import views, views_computers, views_grants, views_reviews, views_telephones

urlpatterns = [
    path("", views.people, name="people"),
    path("join/", views.join, name="join"),
    path("teams/", views.teams, name="teams"),
    path("approvals/", views_grants.approvals, name="approvals"),
    path("urgent/", views_grants.urgent, name="urgent"),
    path("support/", views_grants.support, name="support"),
    path("who-could/", views_grants.who_could, name="who_could"),
    path("grants/<int:grant_id>/approve", views_grants.approve, name="approve_grant"),
    path("grants/<int:grant_id>/end/", views_grants.end, name="end_grant"),
    path("notices/<int:notice_id>/read", views_grants.read_notice, name="read_notice"),
    path("reviews/", views_reviews.reviews, name="reviews"),
    path("reviews/start", views_reviews.start_review, name="start_review"),
    path("reviews/<int:review_id>/", views_reviews.review, name="review"),
    path("reviews/<int:review_id>/sign", views_reviews.sign_review, name="sign_review"),
    path("reviews/<int:review_id>/record.json", views_reviews.review_record, name="review_record"),
    path("telephones/", views_telephones.telephones, name="telephones"),
    path("telephones/add/", views_telephones.add_telephone, name="add_telephone"),
    path("telephones/<slug:device_id>/password", views_telephones.new_password, name="new_telephone_password"),
    path("telephones/<slug:device_id>/network/", views_telephones.telephone_network, name="telephone_network"),
    path("telephones/<slug:device_id>/remove", views_telephones.remove_telephone, name="remove_telephone"),
    path("telephones/computers/", views_computers.computers, name="computers"),
    path("telephones/computers/add/", views_computers.add_computer, name="add_computer"),
    path("telephones/computers/<int:computer_id>/link", views_computers.new_link, name="new_computer_link"),
    path("telephones/computers/<int:computer_id>/revoke", views_computers.revoke, name="revoke_computer"),
    path("enrol/", views_computers.enrol, name="enrol_computer"),
    path("<slug:user_id>/", views.person, name="person"),
    path("<slug:user_id>/move/", views.move, name="move"),
    path("<slug:user_id>/leave/", views.leave, name="leave"),
    path("<slug:user_id>/suspend/", views.suspend, name="suspend"),
    path("<slug:user_id>/sign-in/", views.help_sign_in, name="help_sign_in"),
]
